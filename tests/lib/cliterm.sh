# SPDX-License-Identifier: MPL-2.0
# A pktvisor-cli in a terminal of its own (tmux), for scripts that source it behind sh.sh. Their trap calls mux_end.
#
#   mux_begin COLS ROWS "COMMAND"   keys KEY...   screen   size COLS ROWS   sees SENTENCE REGEX   golden NAME [FILTER]
#
# GOLDEN=1 writes the pictures in tests/ui/golden anew.

MUX=(tmux -L "pvcli$$" -f /dev/null)
unset NO_COLOR TMUX

mux_end() { "${MUX[@]}" kill-server 2>/dev/null; }
# When the command has ended the pane says "ended STATUS".
mux_begin() {
	"${MUX[@]}" new-session -d -s cli -x "$1" -y "$2" "$3; echo ended \$?; sleep 1000"
	"${MUX[@]}" set-option -g status off
	size "$1" "$2"
}
mux_again() { "${MUX[@]}" respawn-pane -k -t cli "$1; echo ended \$?; sleep 1000"; }

keys() { "${MUX[@]}" send-keys -t cli "$@"; } # as tmux names them
screen() { "${MUX[@]}" capture-pane -p -t cli; }
size() { "${MUX[@]}" resize-window -t cli -x "$1" -y "$2"; }
shows() { screen | grep -qE -- "$1"; }

# sees SENTENCE REGEX: the screen has it, soon
sees() {
	if until_true shows "$2"; then ok "$1"; else
		echo "want: $2"; screen
		not_ok "$1"
	fi
}
# golden NAME [FILTER...]: the screen, through the filter, is the one that is kept, soon
same_screen() { screen | "${@:2}" >picture; cmp -s picture "$TESTS/ui/golden/$1.txt"; }
golden() {
	local filter=("${@:2}")
	[ ${#filter[@]} -gt 0 ] || filter=(cat)
	[ -z "${GOLDEN:-}" ] || { sleep 2; screen | "${filter[@]}" >"$TESTS/ui/golden/$1.txt"; }
	if until_true same_screen "$1" "${filter[@]}"; then ok "screen $1"; else
		diff "$TESTS/ui/golden/$1.txt" picture | head -n 30
		not_ok "screen $1"
	fi
}
