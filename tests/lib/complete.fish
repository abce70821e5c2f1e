# SPDX-License-Identifier: MPL-2.0
# What fish completes: for every line of stdin the line, a tab, what is offered, a tab, and the descriptions. The argument is the
# folder of completions as they are installed. Run with --no-config.
set -p fish_complete_path $argv[1]
while read line
    set -l offered (complete -C "$line")
    set -l words (string replace -r -- '\t.*' '' $offered)
    set -l help (string match -r -g -- '\t(.*)' $offered)
    printf '%s\t%s\t%s\n' $line "$words" "$help"
end
