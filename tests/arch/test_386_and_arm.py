"""Go programs of 32 bits: 386 on this machine's own kernel, arm under qemu."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools import cores, forms, programs
from tools.proofs import assert_proven

if TYPE_CHECKING:
    from tools.cores import Core

pytestmark = pytest.mark.toolchain

SMALL = ("-objects", "2000")


@pytest.fixture(scope="session")
def core_386(native_minor: str) -> Core:
    return cores.kernel_core(programs.build("frag", native_minor, goarch="386"), *SMALL)


@pytest.fixture(scope="session")
def core_arm(guest_minor: str) -> Core:
    return cores.guest_core("arm", programs.build("frag", guest_minor, goarch="arm"), *SMALL)


def test_386_is_proven(core_386: Core) -> None:
    assert_proven(dict(forms.answers(forms.open_in(core_386, "full"))), core_386.stdout)


def test_arm_is_proven(core_arm: Core) -> None:
    assert_proven(dict(forms.answers(forms.open_in(core_arm, "full"))), core_arm.stdout)


@pytest.mark.parametrize("form", forms.FORMS[1:])
def test_386_without_symbols(core_386: Core, form: str) -> None:
    forms.compare(core_386, form)


@pytest.mark.parametrize("form", forms.FORMS[1:])
def test_arm_without_symbols(core_arm: Core, form: str) -> None:
    forms.compare(core_arm, form)
