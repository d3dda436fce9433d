"""What is changed in Redis, one edit after the other: texts that stand once in a file, and what takes their place."""

EDITS = [
    ("a command computes something else", {
        "t_string.c": [("    value += incr;\n\n    if (o &&", "    value += incr * 10;\n\n    if (o &&")],
    }),
    # The line numbers of assertions change with it: dozens of functions of a file that has nameless data (GCC, -fPIE).
    ("a count of look-ups, asked for by another file", {
        "dict.c": [("dictEntry *dictFind(dict *d, const void *key)\n{\n",
                    "unsigned long dictFinds;\ndictEntry *dictFind(dict *d, const void *key)\n{\n    dictFinds++;\n")],
        "server.c": [("void pingCommand(client *c) {\n",
                      "static int pings = 100;\nextern unsigned long dictFinds;\nvoid pingCommand(client *c) {\n    pings++;\n"),
                     ("            addReply(c,shared.pong);\n",
                      "            addReplyLongLong(c, dictFinds > 0 ? pings : -1);\n")],
    }),
    # GCC has aeProcessEvents in aeMain, which never returns: there the loop goes on as it was.
    ("the event loop, which is on the stack, and an import", {
        "ae.c": [("int aeProcessEvents(aeEventLoop *eventLoop, int flags)\n{\n",
                  "static unsigned long aeRounds;\nint aeProcessEvents(aeEventLoop *eventLoop, int flags)\n{\n    aeRounds++;\n")],
        "networking.c": [('#include "server.h"\n', '#include "server.h"\n#include <sys/random.h>\n'),
                         ("        addReplyLongLong(c,c->id);\n    } else if (!strcasecmp(c->argv[1]->ptr,\"info\")",
                          "        char noise[8];\n"
                          "        addReplyLongLong(c, getrandom(noise, 8, 0) == 8 ? 77 : 0);\n"
                          "    } else if (!strcasecmp(c->argv[1]->ptr,\"info\")")],
    }),
    ("what the background threads stand in for ever", {
        "bio.c": [("        listDelNode(bio_jobs[type],ln);\n        bio_pending[type]--;\n",
                   "        listDelNode(bio_jobs[type],ln);\n        bio_pending[type] -= 1 + 0 * (int)type;\n"
                   "        serverLog(LL_NOTICE, \"background job of kind %lu\", type);\n")],
    }),
]

#: The type of what every connection is: a member in front moves all others.
LAYOUT = {"server.h": [("typedef struct client {\n", "typedef struct client {\n    int in_front;\n")]}


def apply(edit, folder):
    for name, pairs in edit.items():
        path = folder / name
        text = path.read_text()
        for old, new in pairs:
            if text.count(old) != 1:
                raise SystemExit(f"{name}: {text.count(old)} places have {old!r}")
            text = text.replace(old, new)
        path.write_text(text)
