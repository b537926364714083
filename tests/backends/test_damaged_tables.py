"""Tables of a block that Ray delivered damaged are sent anew."""

from __future__ import annotations

from backends.local._slots import Slots, _Slot
from gridrun.plan.units import UnitLost
from gridrun.testing.units import toy_units
from gridrun.worker import DamagedArtifact


def test_ray_is_given_the_tables_anew_for_a_unit_that_got_damaged_ones():
    """The unit comes back, its worker stays, and the object that was damaged is forgotten."""
    (unit,) = toy_units(1, 1)
    slots = Slots.__new__(Slots)
    slot = _Slot(None, None, unit, is_up=True)
    slots._slots, slots._artifacts = [slot], {unit.artifact: "damaged", "other": "whole"}
    assert slots._retire(slot, DamagedArtifact("damaged")) == [UnitLost(unit.id, "damaged")]
    assert (slots._slots, slot.unit, slots._artifacts) == ([slot], None, {"other": "whole"})
