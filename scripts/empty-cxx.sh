#!/bin/sh
# A C++ compiler that makes empty objects, for a tool that needs Go's view of a package and not its C++: the emulated kernels take a
# minute of a core. It links as g++ does, and misses nothing.
out='' next='' compiles='' source=''
for a; do
  [ -z "$next" ] || out=$a
  next=''
  case $a in
  -c) compiles=1 ;;
  -o) next=1 ;;
  *.cc | *.cpp | *.cxx) source=1 ;;
  esac
done
if [ -n "$compiles" ] && [ -n "$source" ]; then
  exec g++ -x c++ -c /dev/null -o "$out"
fi
exec g++ "$@" -Wl,--unresolved-symbols=ignore-all
