"""WebVTT, block by block, as https://www.w3.org/TR/webvtt1/#file-parsing has it, but nothing is skipped without a Problem."""

import re
from collections.abc import Iterator

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts.clock import is_damaged_timing, parse_clock, parse_timing, split_lines
from mmerc.corpora.transcripts.cue import Cue
from mmerc.corpora.transcripts.markup import parse_markup

Block = list[tuple[int, str]]  # lines with their numbers
NO_CUES = re.compile(r"(?:NOTE|STYLE|REGION|(?i:WEBVTT))(?:[ \t]|$)")
TICKS = 90_000  # ticks per second of an MPEG transport stream


def read_webvtt(text: str, name: str, problems: list[Problem]) -> list[Cue]:
    """The cues of a WebVTT file called `name`, in the file's order."""
    cues: list[Cue] = []
    shift, first_map, headers = 0.0, None, 0
    for block in _split_blocks(split_lines(text)):
        number, line = block[0]
        if NO_CUES.match(line):
            if line[:6].upper() == "WEBVTT":
                headers += 1
                this_map = _find_map(block)
                first_map = this_map if first_map is None else first_map
                shift = this_map - first_map if this_map is not None and first_map is not None else 0.0
            continue
        timings = ((at, parse_timing(line)) for at, (_, line) in enumerate(block[:2]))
        timing = next(((at, times) for at, times in timings if times), None)
        if timing is None:
            words = " ".join(line.strip() for _, line in block)
            if words.strip():
                what = f'has no time that can be read: "{words[:60]}" is left out'
                problems.append(Problem("cue", f"{name} line {number}", what))
            continue
        at, (start, end) = timing
        lines = parse_markup([line for _, line in block[at + 1 :]])
        if lines:
            lines = tuple(line._replace(start=line.start + shift) if line.start is not None else line for line in lines)
            cues.append(Cue(start + shift, None if end is None else end + shift, lines, block[at][0]))
    return _drop_copies(cues) if headers > 1 else cues


def _split_blocks(lines: list[str]) -> Iterator[Block]:
    """Blocks end at an empty line, or where a timing line begins the next cue. A line of spaces alone is text (YouTube has
    such lines), unless the next cue begins behind it."""
    block: Block = []
    has_timing = False
    for index, line in enumerate(lines):
        is_timing = parse_timing(line) is not None or is_damaged_timing(line)
        if not line or (line.isspace() and _begins_block(lines, index + 1)):
            if block:
                yield block
            block, has_timing = [], False
            continue
        if is_timing and (has_timing or len(block) > 1 or (block and NO_CUES.match(block[0][1]))):
            moved = [block.pop()] if _is_identifier(block, has_timing) else []
            if block:
                yield block
            block = moved
        has_timing = is_timing or (has_timing and bool(block))
        block.append((index + 1, line))
    if block:
        yield block


def _begins_block(lines: list[str], index: int) -> bool:
    following = lines[index : index + 2]
    return any(parse_timing(line) for line in following) or bool(following and NO_CUES.match(following[0]))


def _is_identifier(block: Block, has_timing: bool) -> bool:
    """Whether the last line of a block that lacks an empty line behind it is the next cue's identifier."""
    last, own = block[-1][1].strip(), block[0][1].strip()
    if not has_timing:  # lines of the header, such as "Kind: captions"
        return len(block) > 1 and not re.search(r"[:=]", last)
    if len(block) < 3 or parse_timing(own):  # a cue without an identifier: the next one has none either
        return False
    if own.isdecimal() and len(own) < 10:
        return last == str(int(own) + 1)
    is_alike = re.sub(r"\d+", "0", last) == re.sub(r"\d+", "0", own)
    return is_alike or (len(own) > 12 and len(own) == len(last) and " " not in last)


def _find_map(header: Block) -> float | None:
    """Seconds by which X-TIMESTAMP-MAP moves the cues of one part of an HLS stream; parts are compared with the first."""
    for _, line in header:
        ticks, local = re.search(r"MPEGTS:(\d{1,15})", line), re.search(r"LOCAL:([\d:.]+)", line)
        if line.startswith("X-TIMESTAMP-MAP") and ticks and local:
            try:
                return int(ticks[1]) / TICKS - parse_clock(local[1])
            except ValueError:
                return None
    return None


def _drop_copies(cues: list[Cue]) -> list[Cue]:
    """Joined parts of a stream repeat a cue that crosses their border."""
    seen = {(cue.start, cue.end, cue.lines): cue for cue in reversed(cues)}
    return list(reversed(seen.values()))
