-- name: schema_version
PRAGMA user_version;
