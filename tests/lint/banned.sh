# base/banned.h stops banned functions at compile time: prove that it does.
cd "$TOP" || exit 1
for f in 'strcpy(a, "x")' 'sprintf(a, "x")' 'strtok(a, "x")' 'atoi(a)' 'gmtime(0)' 'strcat(a, "x")'; do
	printf 'extern char a[9]; void f(void); void f(void) { (void)%s; }\n' "$f" >t.c
	if ${CC:-gcc} -std=c11 -D_GNU_SOURCE -Ilib -include lib/base/banned.h -fsyntax-only t.c 2>/dev/null; then
		echo "not ok - $f compiles"
	else
		echo "ok - $f does not compile"
	fi
	rm -f t.c
done
