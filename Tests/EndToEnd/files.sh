#!/bin/bash
# Image files: readers see the old image or the new one, what belongs to a file is kept, and what stands in the way is named.
source "$(dirname "$0")/support/checks.bash"
adopted 2
export HCS_JOURNAL=$PWD/program.hcsj
cp program.hot base.hot
"$tool" replay --image program.hot >/dev/null || bad "replay"
cp program.hot newest.hot
"$tool" rollback --to base --image program.hot >/dev/null || bad "rollback"
check "a file rolled back is exact" cmp program.hot base.hot

# What belongs to the file. Not everybody may set all of it, and not every file system has all of it: what was set is compared.
cat >rights.py <<'P'
import os, struct, sys
path, verb = sys.argv[1:]
# VFS_CAP_REVISION_2, effective, CAP_NET_BIND_SERVICE (linux/capability.h); an access control list with an entry for user 1000
# (linux/posix_acl_xattr.h: version 2, then tag, permissions, id).
acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in [
    (1, 7, 0xffffffff), (2, 5, 1000), (4, 5, 0xffffffff), (16, 5, 0xffffffff), (32, 1, 0xffffffff)])
wanted = {
    "user.hcs": b"kept", "system.posix_acl_access": acl,
    "security.capability": struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0),
}
if verb == "set":
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
    for name, value in wanted.items():
        try:
            os.setxattr(path, name, value)
        except OSError as error:
            print("not set:", name, error, file=sys.stderr)
    os.chmod(path, 0o4751)
status = os.stat(path)
print(oct(status.st_mode), status.st_uid, status.st_gid)
for name in sorted(os.listxattr(path)):
    print(name, os.getxattr(path, name).hex())
P
python3 rights.py program.hot set >rights.before
hcs 0 replay --image program.hot
python3 rights.py program.hot get >rights.after
same "owner, mode, capabilities and lists are kept" "$(cat rights.after)" "$(cat rights.before)"
check "there was something to keep" grep -q "user.hcs\|security.capability" rights.before
check "the file is the newest" cmp program.hot newest.hot
hcs 0 rollback --to base --image program.hot
python3 rights.py program.hot get >rights.after
same "and by a roll back" "$(cat rights.after)" "$(cat rights.before)"
rm program.hot
cp base.hot program.hot

# Symbolic links are followed, hard links refused.
mkdir deep
ln -s ../program.hot deep/link
ln -s deep/link link
hcs 0 replay --image link
check "the link is still one" test -L link -a -L deep/link
check "what it leads to is the newest" cmp program.hot newest.hot
ln program.hot other
hcs 1 rollback --to base --image program.hot
complains "two names" "hard links.*--break-links"
hcs 1 rollback --to base --image program.hot --dry-run
complains "the dry run says the same" "hard links"
check "nothing was written" cmp program.hot newest.hot
hcs 0 rollback --to base --image program.hot --break-links
check "the one is changed" cmp program.hot base.hot
check "the other keeps the old image" cmp other newest.hot
rm other

# A process goes on with its old file and is still known.
start ./program.hot
hcs 0 replay --to 1 --image program.hot
ask ask
same "it runs what it ran" "$answer" "1 0"
hcs 0 replay --pid "$pid"
ask ask
same "and is updated after its file was replaced" "$answer" "2 2007"
hcs 0 replay --image program.hot
rm program.hot
hcs 0 rollback --to 1 --pid "$pid"
ask ask
same "and after its file was removed" "$answer" "3 1000"
exec 8>&- 9<&-
wait "$pid"
cp base.hot program.hot

# A reader, while the file goes to and fro: it always sees one of the two. Each step waits until it has seen the one before,
# so that a slow reader is no reader of one image alone.
cat >reader.py <<'P'
import hashlib, pathlib, sys
digest = lambda path: hashlib.sha256(pathlib.Path(path).read_bytes()).digest()
known = {digest(name + ".hot"): pathlib.Path("saw." + name) for name in ("base", "newest")}
while not pathlib.Path("stop").exists():
    note = known.get(digest("program.hot"))
    if note is None:
        sys.exit("neither the old image nor the new one")
    note.touch()
P
python3 reader.py &
reader=$!
for _ in 1 2 3 4 5 6 7 8; do
  rm -f saw.newest
  "$tool" replay --image program.hot >/dev/null || bad "replay beside a reader"
  await test -e saw.newest || bad "the new image is seen"
  rm -f saw.base
  "$tool" rollback --to base --image program.hot >/dev/null || bad "roll back beside a reader"
  await test -e saw.base || bad "the old image is seen"
done
touch stop
check "a reader sees the old image or the new one" wait "$reader"

# Two at once: one does it, the other is told.
"$tool" replay --image program.hot >one.txt 2>&1 & one=$!
"$tool" replay --image program.hot >two.txt 2>&1 & two=$!
wait "$one"; first=$?
wait "$two"; second=$?
check "one of two, or both after one another" test "$first" -eq 0 -o "$second" -eq 0
check "the file is the newest after two at once" cmp program.hot newest.hot
cp base.hot program.hot

# What a killed applier left is no hindrance, and goes.
printf 'half' >.program.hot.hcsj-new
hcs 0 replay --image program.hot
check "the file is the newest beside a leftover" cmp program.hot newest.hot
check "the leftover is gone" test ! -e .program.hot.hcsj-new
cp base.hot program.hot

# refused NAME PATTERN: a replay of $disk/program.hot fails by that name and leaves the file and nothing beside it.
refused() {
  hcs 1 replay --image "$disk/program.hot"
  complains "$1" "$2.*untouched"
  check "$1: the file is the old one" cmp "$disk/program.hot" base.hot
  same "$1: nothing is beside it" "$(ls -A "$disk")" program.hot
}

# A disk without room, and one for reading only; whoever may not mount is given the limit on a file's size alone.
disk=$work/disk
mkdir "$disk"
cat >mounted.sh <<'M'
# mounted.sh SIZE COMMAND…: the command, with a file system of that size on ./disk.
size=$1
shift
mount -t tmpfs -o "size=$size,mode=777" none disk && cp --sparse=always base.hot disk/program.hot && "$@"
M
if unshare -rm true 2>/dev/null && unshare -rm mount -t tmpfs none "$disk" 2>/dev/null; then
  export -f hcs refused complains check same good bad
  export tool disk
  # The room that the image itself takes, and little more.
  need=$(($(du -k base.hot | cut -f1) + 64))
  unshare -rm bash -c '. ./mounted.sh '"${need}k"' true || exit 9
    passed=0 failed=0
    refused "a full disk" "No space left on device.*df -h|No space left"
    mount -o remount,size=64m,ro none disk
    refused "for reading only" "Read-only file system"
    mount -o remount,rw none disk
    hcs 0 replay --image disk/program.hot
    cmp disk/program.hot newest.hot && good || bad "with room it goes on"
    echo "$passed $failed" >mounted.txt'
  read -r more less <mounted.txt || { more=0; less=1; }
  passed=$((passed + more)) failed=$((failed + less))
else
  echo "not tried: a full disk and one for reading only, for nothing can be mounted here"
fi
(
  ulimit -f 1024
  trap '' XFSZ
  exec "$tool" replay --image program.hot >out.txt 2>err.txt
)
same "a file that may not grow" "$?" 1
err=$(cat err.txt)
complains "is named" "File too large.*untouched|untouched"
check "the file is the old one" cmp program.hot base.hot
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
  chmod 755 "$work" && mkdir closed && cp base.hot closed/program.hot && cp program.hcsj theirs.hcsj && chmod 666 theirs.hcsj
  chmod 777 "$work"
  setpriv --reuid 65534 --regid 65534 --clear-groups "$tool" -j theirs.hcsj replay --image closed/program.hot >out.txt 2>err.txt
  same "who may not write the folder" "$?" 1
  err=$(cat err.txt)
  complains "is told where to look" "Permission denied.*untouched.*ls -ld"
  check "the file is the old one, closed" cmp closed/program.hot base.hot
fi
end_checks
