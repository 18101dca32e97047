# Turn conf/prompts/<workflow>/<stage>.txt into PROMPT("<workflow>/<stage>", "text") lines, one literal a line.
FNR == 1 {
	if (NR > 1)
		print ")"
	n = split(FILENAME, part, "/")
	sub(/\.txt$/, "", part[n])
	printf "PROMPT(\"%s/%s\",", part[n - 1], part[n]
}
{
	gsub(/\\/, "&&")
	gsub(/"/, "\\\"")
	gsub(/\?/, "\\?")       # no trigraphs
	printf "\n\t\"%s\\n\"", $0
}
END { if (NR) print ")" }
