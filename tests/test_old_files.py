"""Files that version 0.1 wrote are read, with what they record in today's words."""

from pathlib import Path

import pytest

import graphcond
import recsys

FILES = Path(__file__).parent / "files"
SIZES = {"nodes": "2/class", "graphs": "2/class", "images": "1/class", "interactions": "5"}


@pytest.mark.parametrize("modality", SIZES)
def test_a_file_of_version_0_1_is_read(modality):
    small = graphcond.load(FILES / f"{modality}_0_1.safetensors")
    assert small.modality == modality
    assert small.record.versions["graphcond"].startswith("0.1")
    assert small.record.budget["asked"] == {"size": SIZES[modality]}
    assert all(small.described())


@pytest.mark.parametrize("modality", SIZES)
def test_a_file_that_was_read_is_written_in_todays_words(modality, tmp_path):
    small = graphcond.load(FILES / f"{modality}_0_1.safetensors")
    again = graphcond.load(small.save(tmp_path / "again.safetensors"))
    assert type(again) is type(small)
    assert again.record == small.record


def test_the_modality_is_reported_by_the_file():
    assert isinstance(graphcond.load(FILES / "interactions_0_1.safetensors"), recsys.CondensedInteractions)
    assert isinstance(graphcond.load(FILES / "images_0_1.safetensors"), graphcond.CondensedDataset)
