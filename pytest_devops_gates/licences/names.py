"""Which licence a distribution's metadata states, as SPDX expressions. Pure.

What it says may be read in several ways (``BSD License``); then each of them is told, and nothing
is guessed. The licence files' text is not read.

Sources: PEP 639 (License-Expression), PyPI's classifiers, and the SPDX licence list.
"""

from __future__ import annotations

import re

import msgspec

from pytest_devops_gates.dependencies.distributions import Distribution
from pytest_devops_gates.licences.spdx import Expression, parse

PREFIX = "License :: "
OSI = "OSI Approved :: "

BSD = ("BSD-2-Clause", "BSD-3-Clause")
PYTHON = ("PSF-2.0", "Python-2.0")
CLASSIFIERS: dict[str, tuple[str, ...]] = {
    "Apache Software License": ("Apache-2.0",),
    "Artistic License": ("Artistic-1.0", "Artistic-2.0"),
    "BSD License": BSD,
    "Blue Oak Model License (BlueOak-1.0.0)": ("BlueOak-1.0.0",),
    "Boost Software License 1.0 (BSL-1.0)": ("BSL-1.0",),
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": ("CC0-1.0",),
    "CEA CNRS Inria Logiciel Libre License, version 2.1 (CeCILL-2.1)": ("CECILL-2.1",),
    "CeCILL-B Free Software License Agreement (CECILL-B)": ("CECILL-B",),
    "CeCILL-C Free Software License Agreement (CECILL-C)": ("CECILL-C",),
    "Eclipse Public License 1.0 (EPL-1.0)": ("EPL-1.0",),
    "Eclipse Public License 2.0 (EPL-2.0)": ("EPL-2.0",),
    "European Union Public Licence 1.0 (EUPL 1.0)": ("EUPL-1.0",),
    "European Union Public Licence 1.1 (EUPL 1.1)": ("EUPL-1.1",),
    "European Union Public Licence 1.2 (EUPL 1.2)": ("EUPL-1.2",),
    "GNU Affero General Public License v3": ("AGPL-3.0-only",),
    "GNU Affero General Public License v3 or later (AGPLv3+)": ("AGPL-3.0-or-later",),
    "GNU General Public License (GPL)": ("GPL-1.0-or-later",),
    "GNU General Public License v2 (GPLv2)": ("GPL-2.0-only",),
    "GNU General Public License v2 or later (GPLv2+)": ("GPL-2.0-or-later",),
    "GNU General Public License v3 (GPLv3)": ("GPL-3.0-only",),
    "GNU General Public License v3 or later (GPLv3+)": ("GPL-3.0-or-later",),
    "GNU Lesser General Public License v2 (LGPLv2)": ("LGPL-2.0-only", "LGPL-2.1-only"),
    "GNU Lesser General Public License v2 or later (LGPLv2+)": ("LGPL-2.0-or-later",),
    "GNU Lesser General Public License v3 (LGPLv3)": ("LGPL-3.0-only",),
    "GNU Lesser General Public License v3 or later (LGPLv3+)": ("LGPL-3.0-or-later",),
    "GNU Library or Lesser General Public License (LGPL)": ("LGPL-2.0-or-later",),
    "Historical Permission Notice and Disclaimer (HPND)": ("HPND",),
    "ISC License (ISCL)": ("ISC",),
    "MIT License": ("MIT",),
    "MIT No Attribution License (MIT-0)": ("MIT-0",),
    "Mozilla Public License 1.0 (MPL)": ("MPL-1.0",),
    "Mozilla Public License 1.1 (MPL 1.1)": ("MPL-1.1",),
    "Mozilla Public License 2.0 (MPL 2.0)": ("MPL-2.0",),
    "Mulan Permissive Software License v2 (MulanPSL-2.0)": ("MulanPSL-2.0",),
    "Other/Proprietary License": ("LicenseRef-Proprietary",),
    "Public Domain": ("LicenseRef-Public-Domain",),
    "Python License (CNRI Python License)": ("CNRI-Python",),
    "Python Software Foundation License": PYTHON,
    "The Unlicense (Unlicense)": ("Unlicense",),
    "Universal Permissive License (UPL)": ("UPL-1.0",),
    "University of Illinois/NCSA Open Source License": ("NCSA",),
    "W3C License": ("W3C",),
    "Zope Public License": ("ZPL-1.1", "ZPL-2.0", "ZPL-2.1"),
    "zlib/libpng License": ("Zlib",),
}
"""What each classifier may mean: several identifiers where it does not say which."""

SPELLINGS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("apache", "apache software"), ("Apache-2.0",)),
    **dict.fromkeys(
        ("apache 2", "apache 2.0", "apache2", "apache2.0", "apachev2"), ("Apache-2.0",)
    ),
    **dict.fromkeys(("apache v2", "apache v2.0", "apache-2", "asl 2.0"), ("Apache-2.0",)),
    **dict.fromkeys(("apache software 2.0", "apache version 2.0"), ("Apache-2.0",)),
    **dict.fromkeys(("bsd", "bsd-like", "bsd style"), BSD),
    **dict.fromkeys(("bsd 2-clause", "2-clause bsd", "simplified bsd", "freebsd"), BSD[:1]),
    **dict.fromkeys(("bsd 3-clause", "3-clause bsd", "new bsd", "modified bsd"), BSD[1:]),
    **dict.fromkeys(("bsd 2 clause", "bsd-2", "bsd2"), BSD[:1]),
    **dict.fromkeys(("bsd 3 clause", "bsd-3", "bsd3", "revised bsd"), BSD[1:]),
    **dict.fromkeys(("expat", "mit/expat"), ("MIT",)),
    **dict.fromkeys(("psf", "psfl", "python software foundation"), PYTHON),
    **dict.fromkeys(("mpl 2.0", "mpl2", "mpl 2", "mpl-2", "mozilla public 2.0"), ("MPL-2.0",)),
    **dict.fromkeys(("agplv3", "agpl v3", "agpl-3", "gnu agplv3"), ("AGPL-3.0-only",)),
    **dict.fromkeys(("agplv3+", "agpl-3+"), ("AGPL-3.0-or-later",)),
    **dict.fromkeys(("gpl", "gnu gpl"), ("GPL-1.0-or-later",)),
    **dict.fromkeys(("gplv2", "gpl v2", "gpl-2", "gpl2"), ("GPL-2.0-only",)),
    **dict.fromkeys(("gplv2+", "gpl v2+", "gpl-2+", "gpl2+"), ("GPL-2.0-or-later",)),
    **dict.fromkeys(("gplv3", "gpl v3", "gpl-3", "gpl3", "gnu gplv3"), ("GPL-3.0-only",)),
    **dict.fromkeys(("gplv3+", "gpl v3+", "gpl-3+", "gpl3+"), ("GPL-3.0-or-later",)),
    **dict.fromkeys(("lgpl", "gnu lgpl"), ("LGPL-2.0-or-later",)),
    **dict.fromkeys(("lgplv3", "lgpl v3", "lgpl-3", "lgpl3"), ("LGPL-3.0-only",)),
    **dict.fromkeys(("lgplv3+", "lgpl v3+", "lgpl-3+"), ("LGPL-3.0-or-later",)),
    **dict.fromkeys(("lgplv2.1+", "lgpl 2.1+"), ("LGPL-2.1-or-later",)),
    "public domain": ("LicenseRef-Public-Domain",),
    "proprietary": ("LicenseRef-Proprietary",),
}
"""Well-known spellings in the field License, without the words ``the`` and ``license``."""

_WORDS = re.compile(r"\b(?:the|licen[cs]es?)\b|,")


class Stated(msgspec.Struct, frozen=True):
    """What a distribution says of its licence: where, and each way in which it may be read.

    Without ``readings`` nobody can tell; ``said`` is then what it says instead.
    """

    where: str
    readings: tuple[Expression, ...] = ()
    said: str = ""

    @property
    def text(self) -> str:
        first, *others = self.readings
        if others and first.join == "OR" and first.parts == others[0].parts:
            return f"one, or all, of {', '.join(part.text for part in first.parts)}"
        return ", or ".join(reading.text for reading in self.readings)


def stated(one: Distribution) -> Stated:
    """The licence that the metadata states: License-Expression, else classifiers and License."""
    if one.licence_expression:
        told = parse(one.licence_expression)
        said = "" if told else one.licence_expression[:80]
        return Stated("License-Expression", (told,) if told else (), said)
    listed = classifiers(one.classifiers)
    named = field(one.licence)
    if not listed:
        said = "" if named else " ".join(one.licence.split())[:80]
        return Stated("License", named, said)
    texts = {reading.text for reading in listed}
    if len(named) == 1:  # it says which one, or something else
        listed = named if named[0].text in texts else (*listed, *named)
    return Stated("classifiers", listed)


def classifiers(texts: tuple[str, ...]) -> tuple[Expression, ...]:
    """What the classifiers may mean. Of several, nobody knows whether one may be chosen or all of
    them hold: both are told. One that is not understood leaves nothing."""
    names = [text.removeprefix(PREFIX).removeprefix(OSI) for text in texts if _is_licence(text)]
    meant = [CLASSIFIERS.get(name) for name in dict.fromkeys(names)]
    if not meant or None in meant:
        return ()
    sets = [_expressions(some) for some in meant if some]
    if len(sets) == 1:
        return sets[0]
    parts = tuple(one for some in sets for one in some)
    return (Expression("OR", parts), Expression("AND", parts))


def field(text: str) -> tuple[Expression, ...]:
    """What the field License may mean: an SPDX expression, or a well-known spelling of one licence.

    It often holds a licence's whole text, which is neither.
    """
    if told := parse(text):
        return (told,)
    plain = " ".join(_WORDS.sub(" ", text.lower()).split())
    if plain in SPELLINGS:
        return _expressions(SPELLINGS[plain])
    told = parse(plain) if plain else None
    return (told,) if told else ()


def _is_licence(text: str) -> bool:
    return text.startswith(PREFIX) and text != f"{PREFIX}{OSI}".rstrip(": ")


def _expressions(names: tuple[str, ...]) -> tuple[Expression, ...]:
    return tuple(told for name in names if (told := parse(name)))
