"""Profiles: chosen by name or environment, by the machine otherwise."""

import keras
import pytest

from cct_utils import load_dataset, profile
from cct_utils.data.catalog import DATASETS
from cct_utils.profiles import PROFILES


@pytest.mark.parametrize("name", ["full", "quick", "smoke"])
def test_profile_is_chosen_by_name_or_environment(name, monkeypatch):
    assert profile(name).name == name
    monkeypatch.setenv("CCT_PROFILE", name)
    assert profile() == profile(name)


def test_a_name_goes_before_the_environment(monkeypatch):
    monkeypatch.setenv("CCT_PROFILE", "full")
    assert profile("smoke").name == "smoke"


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        (["cpu:0"], "quick"),
        (["CPU:0", "CPU:1"], "quick"),
        (["cpu:0", "gpu:0"], "full"),
        (["tpu:0"], "full"),
    ],
)
def test_the_machine_decides_where_nothing_else_does(
    devices, expected, monkeypatch
):
    monkeypatch.delenv("CCT_PROFILE", raising=False)
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    monkeypatch.setattr(keras.distribution, "list_devices", lambda *a: devices)
    assert profile().name == expected


@pytest.mark.parametrize(
    ("wrong", "nearest"), [("smok", "smoke"), ("Full", "full")]
)
def test_an_unknown_profile_names_the_nearest(wrong, nearest, monkeypatch):
    with pytest.raises(ValueError, match=f"did you mean '{nearest}'"):
        profile(wrong)
    monkeypatch.setenv("CCT_PROFILE", wrong)
    with pytest.raises(ValueError, match=f"Received: CCT_PROFILE='{wrong}'"):
        profile()


def test_profiles_grow_in_effort():
    smoke, quick, full = (PROFILES[n] for n in ("smoke", "quick", "full"))
    assert smoke.num_epochs < quick.num_epochs < full.num_epochs
    assert smoke.train_images < quick.train_images
    assert full.train_images is None and full.test_images is None
    assert {each.dataset for each in PROFILES.values()} <= set(DATASETS)


def test_smoke_needs_no_network():
    smoke = profile("smoke")
    data = load_dataset(
        smoke.dataset,
        train_images=smoke.train_images,
        test_images=smoke.test_images,
    )
    assert len(data.x_train) + len(data.x_val) == smoke.train_images
