"""JUnit XML: what CI servers show as test results."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal
from xml.etree import ElementTree as ET

import attrs

_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no document of XML 1.0 may have, also not as a reference."""

Fault = Literal["failure", "error"]


@attrs.frozen
class Case:
    """One test case.

    Attributes
    ----------
    fault
        failure: what was tested is wrong; error: that could not be found out; None where all is well.
    kind, message
        What the fault is.
    """

    name: str
    fault: Fault | None = None
    kind: str = ""
    message: str = ""


def junit(name: str, cases: Sequence[Case], properties: Mapping[str, str]) -> str:
    """Return one suite; in ASCII, so that it is valid whatever standard output encodes."""
    faults = [case.fault for case in cases]
    counts = {"tests": len(cases), "failures": faults.count("failure"), "errors": faults.count("error")}
    numbers = {key: str(count) for key, count in {**counts, "skipped": 0, "time": 0}.items()}
    suites = ET.Element("testsuites")
    suite = ET.SubElement(suites, "testsuite", {"name": _legal(name), **numbers})
    about = ET.SubElement(suite, "properties")
    for key, value in properties.items():
        ET.SubElement(about, "property", {"name": _legal(key), "value": _legal(value)})
    for case in cases:
        made = ET.SubElement(
            suite, "testcase", {"classname": _legal(name), "name": _legal(case.name), "time": "0"}
        )
        if case.fault is not None:
            message = _legal(case.message)
            ET.SubElement(made, case.fault, {"type": _legal(case.kind), "message": message}).text = message
    ET.indent(suites, " ")
    whole: bytes = ET.tostring(suites, encoding="us-ascii", xml_declaration=True)
    return whole.decode("ascii") + "\n"


def _legal(text: str) -> str:
    return _ILLEGAL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
