# base/banned.h stops banned functions at compile time: prove that it does.
for f in 'strcpy(a, "x")' 'sprintf(a, "x")' 'strtok(a, "x")' 'atoi(a)' 'gmtime(0)' 'strcat(a, "x")'; do
	if printf 'extern char a[9]; void f(void); void f(void) { (void)%s; }\n' "$f" |
		${CC:-gcc} -std=c11 -D_GNU_SOURCE -I"$TOP/lib" -include "$TOP/lib/base/banned.h" -fsyntax-only -x c - 2>/dev/null; then
		echo "not ok - $f compiles"
	else
		echo "ok - $f does not compile"
	fi
done
