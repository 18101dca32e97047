# Turn conf/prompts/<workflow>/<stage>.txt into PROMPT("<workflow>/<stage>", "text") lines.
FNR == 1 {
	if (NR > 1)
		print "\")"
	n = split(FILENAME, part, "/")
	sub(/\.txt$/, "", part[n])
	printf "PROMPT(\"%s/%s\", \"", part[n - 1], part[n]
}
{ gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); printf "%s\\n", $0 }
END { if (NR) print "\")" }
