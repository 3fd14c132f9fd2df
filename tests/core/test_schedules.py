import pytest

from graphcond.core.matching.schedules import Schedule

RATES = {"features": 1e-2, "structure": 1e-3}
TURNS = [("features", 2), ("structure", 1)]


def moving(schedule: Schedule, steps: int) -> list[list[str]]:
    return [sorted(schedule.at(step)) for step in range(steps)]


def test_all_parts_move_without_turns():
    schedule = Schedule(rates=RATES)
    assert all(schedule.at(step) == RATES for step in (0, 1, 7, 1000))


def test_turns_come_round():
    features, structure = ["features"], ["structure"]
    assert moving(Schedule(rates=RATES, turns=TURNS), 7) == [*[features, features, structure] * 2, features]
    reverse = Schedule(rates=RATES, turns=[("structure", 1), ("features", 2), ("structure", 1)])
    assert moving(reverse, 6) == [structure, features, features, structure, structure, features]


def test_the_part_that_moves_has_its_own_rate():
    schedule = Schedule(rates=RATES, turns=TURNS)
    assert schedule.at(1) == {"features": 1e-2}
    assert schedule.at(2) == {"structure": 1e-3}


def test_part_without_a_turn_never_moves():
    schedule = Schedule(rates={**RATES, "labels": 1.0}, turns=TURNS)
    assert not any("labels" in schedule.at(step) for step in range(6))


def test_each_drop_takes_the_rates_to_a_tenth():
    schedule = Schedule(rates=RATES, rate_drops=[3, 5])
    rates = [schedule.at(step)["features"] for step in range(7)]
    assert rates == pytest.approx([1e-2, 1e-2, 1e-2, 1e-3, 1e-3, 1e-4, 1e-4])
    assert schedule.at(6)["structure"] == pytest.approx(1e-5)


def test_drops_and_turns_together():
    schedule = Schedule(rates=RATES, turns=TURNS, rate_drops=[2])
    assert schedule.at(1) == {"features": 1e-2}
    assert schedule.at(2) == {"structure": pytest.approx(1e-4)}
    assert schedule.at(3) == {"features": pytest.approx(1e-3)}


def test_a_part_alone_moves_at_every_step():
    schedule = Schedule(rates=RATES, turns=TURNS, rate_drops=[4]).only({"features": [], "labels": []})
    assert moving(schedule, 4) == [["features"]] * 4
    assert schedule.at(4) == {"features": pytest.approx(1e-3)}


def test_turns_of_missing_parts_fall_away():
    rates = {"features": 1.0, "structure": 1.0, "labels": 1.0}
    schedule = Schedule(rates=rates, turns=[*TURNS, ("labels", 1)]).only(["features", "labels"])
    assert moving(schedule, 4) == [["features"], ["features"], ["labels"], ["features"]]


def test_all_parts_are_the_schedule_itself():
    schedule = Schedule(rates=RATES, turns=TURNS, rate_drops=[3])
    same = schedule.only(["structure", "features"])
    assert [same.at(step) for step in range(8)] == [schedule.at(step) for step in range(8)]
    assert Schedule(rates=RATES).only(RATES).at(0) == RATES


def test_part_without_a_turn_stands_still_beside_a_single_turn():
    schedule = Schedule(rates=RATES, turns=[("features", 2)])
    assert moving(schedule.only(RATES), 3) == moving(schedule, 3) == [["features"]] * 3


def test_turns_need_a_rate_and_a_length():
    with pytest.raises(ValueError, match="turns names the part 'labels', for which rates holds no learning rate"):
        Schedule(rates=RATES, turns=[("features", 1), ("labels", 1)])
    with pytest.raises(ValueError, match="every turn must last at least one step"):
        Schedule(rates=RATES, turns=[("features", 0), ("structure", 1)])
