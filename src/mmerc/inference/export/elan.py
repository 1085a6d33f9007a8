"""ELAN's `.eaf`: for each speaker a tier of words, and under it a tier of emotions, one of their probabilities, and one of each continuous
dimension.

The emotions are a controlled vocabulary, so that ELAN offers the labels where a person corrects one. Version 3.0 of the format:
https://www.mpi.nl/tools/elan/EAFv3.0.xsd.
"""

import mimetypes
import xml.etree.ElementTree as ET
from pathlib import Path

from mmerc.addresses import RemotePath
from mmerc.corpora.dialogue import replace_surrogates
from mmerc.corpora.transcripts.tiers import KINDS, name_tier
from mmerc.inference.export.document import Document, link_recording
from mmerc.inference.export.timed import TimedRow, group_rows, list_timed_rows

SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
ASSOCIATION = "Symbolic_Association"
CONSTRAINTS = {
    "Time_Subdivision": "Time subdivision of parent annotation's time interval, no time gaps allowed within this interval",
    "Symbolic_Subdivision": "Symbolic subdivision of a parent annotation. Annotations refering to the same parent are ordered",
    ASSOCIATION: "1-1 association with a parent annotation",
    "Included_In": "Time alignable annotations within the parent annotation's time interval, gaps are allowed",
}  # as in every EAF, with ELAN's spelling
MIME_TYPES = {".wav": "audio/x-wav", ".mpg": "video/mpeg", ".mpeg": "video/mpeg"}  # as ELAN names them
LANGUAGE = {
    "LANG_ID": "und",
    "LANG_DEF": "http://cdb.iso.org/lg/CDB-00130975-001",
    "LANG_LABEL": "undetermined (und)",
}


def make_eaf(document: Document) -> str:
    """The text of the file, in UTF-8. Raises ConfigError as `list_timed_rows` does."""
    rows = list_timed_rows(document)
    kinds = (*KINDS, *document.dimensions)
    root = ET.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "mmerc",
            "DATE": document.provenance.made.isoformat(timespec="seconds"),
            "FORMAT": "3.0",
            "VERSION": "3.0",
            "xmlns:xsi": INSTANCE,
            "xsi:noNamespaceSchemaLocation": SCHEMA,
        },
    )
    header = ET.SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    if document.recording is not None:
        ET.SubElement(header, "MEDIA_DESCRIPTOR", _link(document.recording, document.file))
    for name, value in document.provenance.to_dict().items():
        ET.SubElement(header, "PROPERTY", {"NAME": name if name.startswith("mmerc") else f"mmerc_{name}"}).text = value
    ET.SubElement(header, "PROPERTY", {"NAME": "lastUsedAnnotationId"}).text = str(len(kinds) * len(rows))
    order = ET.SubElement(root, "TIME_ORDER")
    slots = _number_slots(rows, order)
    count = 0
    for (speaker, lane), group in group_rows(rows).items():
        parent = name_tier(KINDS[0], speaker, lane)
        tiers = [_add_tier(root, kind, speaker, lane, "" if kind == KINDS[0] else parent) for kind in kinds]
        for row in group:
            own = [f"a{count + index}" for index in range(1, len(kinds) + 1)]
            count += len(kinds)
            start, end = slots[id(row)]
            times = {"ANNOTATION_ID": own[0], "TIME_SLOT_REF1": start, "TIME_SLOT_REF2": end}
            _add_annotation(tiers[0], "ALIGNABLE_ANNOTATION", times, row.text)
            for tier, name, kind in zip(tiers[1:], own[1:], kinds[1:], strict=True):
                reference = {"ANNOTATION_ID": name, "ANNOTATION_REF": own[0]}
                _add_annotation(tier, "REF_ANNOTATION", reference, row.get_text(kind))
    _add_types(root, document)
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode").replace("\r", "&#13;")  # a parser turns a plain one into a line feed
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _number_slots(rows: list[TimedRow], order: ET.Element) -> dict[int, tuple[str, str]]:
    """Two slots for each row, numbered in the order of their times, as the format asks for."""
    edges = sorted(
        ((time, 2 * index + is_end) for index, row in enumerate(rows) for is_end, time in enumerate(row[:2])),
    )
    names = {}
    for number, (time, edge) in enumerate(edges, 1):
        names[edge] = f"ts{number}"
        ET.SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": names[edge], "TIME_VALUE": str(time)})
    return {id(row): (names[2 * index], names[2 * index + 1]) for index, row in enumerate(rows)}


def _link(recording: Path, file: Path | None) -> dict[str, str]:
    """The link to the recording. ELAN writes paths as they are, without percent signs."""
    is_remote = isinstance(recording, RemotePath)
    path = replace_surrogates(link_recording(recording, recording) if is_remote else f"file://{recording.resolve()}")
    suffix = recording.suffix.lower()
    kind = MIME_TYPES.get(suffix) or mimetypes.guess_type(f"a{suffix}")[0] or "unknown"
    link = {"MEDIA_URL": path, "MIME_TYPE": kind}
    if file is not None and not is_remote:
        relative = replace_surrogates(link_recording(recording, file))
        link["RELATIVE_MEDIA_URL"] = relative if relative.startswith("..") else f"./{relative}"
    return link


def _add_tier(root: ET.Element, kind: str, speaker: str, lane: int, parent: str) -> ET.Element:
    attributes = {"TIER_ID": name_tier(kind, speaker, lane), "LINGUISTIC_TYPE_REF": kind}
    if speaker:
        attributes["PARTICIPANT"] = speaker
    if parent:
        attributes |= {"PARENT_REF": parent, "ANNOTATOR": "mmerc"}
    return ET.SubElement(root, "TIER", attributes)


def _add_annotation(tier: ET.Element, kind: str, attributes: dict[str, str], text: str) -> None:
    outer = ET.SubElement(tier, "ANNOTATION")
    ET.SubElement(ET.SubElement(outer, kind, attributes), "ANNOTATION_VALUE").text = text


def _add_types(root: ET.Element, document: Document) -> None:
    base = {"GRAPHIC_REFERENCES": "false"}
    ET.SubElement(root, "LINGUISTIC_TYPE", {"LINGUISTIC_TYPE_ID": "words", "TIME_ALIGNABLE": "true"} | base)
    for kind in (*KINDS[1:], *document.dimensions):
        own = {"LINGUISTIC_TYPE_ID": kind, "TIME_ALIGNABLE": "false", "CONSTRAINTS": ASSOCIATION} | base
        choice = {"CONTROLLED_VOCABULARY_REF": "emotions"} if kind == "emotion" else {}
        ET.SubElement(root, "LINGUISTIC_TYPE", own | choice)
    ET.SubElement(root, "LANGUAGE", LANGUAGE)
    for name, description in CONSTRAINTS.items():
        ET.SubElement(root, "CONSTRAINT", {"STEREOTYPE": name, "DESCRIPTION": description})
    vocabulary = ET.SubElement(root, "CONTROLLED_VOCABULARY", {"CV_ID": "emotions"})
    ET.SubElement(vocabulary, "DESCRIPTION", {"LANG_REF": "und"}).text = "labels of the model"
    for number, label in enumerate(document.labels):
        entry = ET.SubElement(vocabulary, "CV_ENTRY_ML", {"CVE_ID": f"emotion{number}"})
        ET.SubElement(entry, "CVE_VALUE", {"LANG_REF": "und", "DESCRIPTION": ""}).text = label
