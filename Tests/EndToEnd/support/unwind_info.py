"""Looks functions up in the unwind table of a Mach-O image, as an unwinder does (mach-o/compact_unwind_encoding.h)."""

import lief

lief.logging.disable()


class UnwindInfo:
    def __init__(self, path):
        image = lief.MachO.parse(str(path)).at(0)
        content = open(path, "rb").read()
        self.base = next(segment.virtual_address for segment in image.segments if segment.name == "__TEXT")
        self.section = next((section.virtual_address for section in image.sections if section.name == "__unwind_info"), None)
        # By distance from the header; nothing bounds what the table leads to but the segments.
        self.memory = bytearray(max(segment.virtual_address + segment.virtual_size for segment in image.segments) - self.base)
        for segment in image.segments:
            if segment.name != "__PAGEZERO":
                start = segment.virtual_address - self.base
                self.memory[start : start + segment.file_size] = \
                    content[segment.file_offset : segment.file_offset + segment.file_size]

    def number(self, offset, size=4):
        start = self.section - self.base + offset
        return int.from_bytes(self.memory[start : start + size], "little")

    def last(self, key, count, at):
        """The index of the last entry that is not above the key."""
        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if at(middle) <= key else (low, middle)
        return low - 1

    def function(self, address):
        """Start, encoding without the number of the personality routine, that routine's cell, exception table."""
        key = address - self.base
        index, count = self.number(20), self.number(24)
        found = self.last(key, count, lambda entry: self.number(index + 12 * entry))
        page = self.number(index + 12 * found + 4)
        if found < 0 or found == count - 1 or not page:
            return None
        first = self.number(index + 12 * found)
        entries, size = page + self.number(page + 4, 2), self.number(page + 6, 2)
        if self.number(page) == 2:
            entry = self.last(key, size, lambda one: self.number(entries + 8 * one))
            start, encoding = self.number(entries + 8 * entry), self.number(entries + 8 * entry + 4)
        else:
            entry = self.last(key - first, size, lambda one: self.number(entries + 4 * one) & 0xFFFFFF)
            word = self.number(entries + 4 * entry)
            start, kind, common = first + (word & 0xFFFFFF), word >> 24, self.number(8)
            encoding = self.number(self.number(4) + 4 * kind) if kind < common else \
                self.number(page + self.number(page + 8, 2) + 4 * (kind - common))
        if entry < 0:
            return None
        table = None
        if encoding & 0x40000000:
            tables, end = self.number(index + 12 * found + 8), self.number(index + 12 * found + 20)
            place = tables + 8 * self.last(start, (end - tables) // 8, lambda one: self.number(tables + 8 * one))
            table = self.number(place + 4) if self.number(place) == start else None
        personality = encoding >> 28 & 3
        cell = self.number(self.number(12) + 4 * personality - 4) if personality else None
        return self.base + start, encoding & ~0x30000000, cell and self.base + cell, table and self.base + table
