# No mutable state at file scope: data, bss and thread-local symbols of lib/ are none.
cd "$TOP" || exit 1
found=$(for o in "$BUILD"/lib/*/*.o; do objdump -t "$o" | awk -v o="${o##*/lib/}" '/ \.t?(data|bss)(\.[^ \t]*)?\t/ && !/\.data\.rel\.ro/ && $NF !~ /^\.|^__|\.LASAN|_ubsan|^\.L/ { print o ": " $NF }'; done)
if [ -n "$found" ]; then echo "not ok - lib/ keeps state at file scope: $found"; else echo "ok - lib/ keeps no state at file scope"; fi
