import pytest

from cc_relay.providers.vertex.places import counting_place, place


@pytest.mark.parametrize(
    ("location", "base"),
    [
        ("us-east5", "https://us-east5-aiplatform.googleapis.com"),
        ("europe-west1", "https://europe-west1-aiplatform.googleapis.com"),
        ("global", "https://aiplatform.googleapis.com"),
        ("us", "https://aiplatform.us.rep.googleapis.com"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_each_location_has_a_host_and_stands_in_the_path(location: str, base: str) -> None:
    found = place("my-project", location)
    assert f"{found.origin}{found.target('m', 'rawPredict').decode()}" == (
        f"{base}/v1/projects/my-project/locations/{location}/publishers/anthropic/models/m:rawPredict"
    )
    assert found.base_url == f"{base}/v1"


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        ("https://gateway.test/vertex/v1", "/vertex/v1"),
        ("https://gateway.test/v1/", "/v1"),
        ("https://gateway.test", ""),
        ("http://127.0.0.1:4010/v1", "/v1"),
    ],
)
def test_projects_follow_a_base_url_as_it_is(base_url: str, path: str) -> None:
    target = place("p1", "us-east5", base_url).target("m", "rawPredict").decode()
    assert target.removesuffix("/locations/us-east5/publishers/anthropic/models/m:rawPredict") == f"{path}/projects/p1"


@pytest.mark.parametrize(
    ("base_url", "location"),
    [
        ("https://europe-west4-aiplatform.googleapis.com/v1", "europe-west4"),
        ("https://aiplatform.eu.rep.googleapis.com/v1", "eu"),
        ("https://aiplatform.googleapis.com/v1", "global"),
        ("https://gateway.test/v1", "global"),
    ],
)
def test_without_a_region_the_base_url_tells(base_url: str, location: str) -> None:
    assert f"/locations/{location}/" in place("p1", "", base_url).prefix


@pytest.mark.parametrize(
    ("location", "counted_at"),
    [("global", "us-east5"), ("us", "us-east5"), ("eu", "europe-west1"), ("asia-southeast1", "asia-southeast1")],
)
def test_tokens_are_counted_in_a_region_of_the_same_geography(location: str, counted_at: str) -> None:
    found = counting_place("p1", location)
    assert found == place("p1", counted_at)


def test_tokens_are_counted_behind_the_same_base_url() -> None:
    found = counting_place("p1", "global", "https://gateway.test/v1")
    assert str(found.origin) == "https://gateway.test"
    assert "/locations/us-east5/" in found.prefix


@pytest.mark.parametrize("location", ["us east5", "us-east5/..", "evil.test#", "US", "-", "us-east5."])
def test_a_location_that_would_be_another_host_is_refused(location: str) -> None:
    with pytest.raises(ValueError, match="gcp_region"):
        place("p1", location)


@pytest.mark.parametrize("project", ["", "a/b", "a b", "..", "p%2f", "p?q", "é"])
def test_a_project_that_would_be_another_path_is_refused(project: str) -> None:
    with pytest.raises(ValueError, match="gcp_project_id"):
        place(project, "us-east5")


def test_a_project_of_a_domain_is_one() -> None:
    assert "/projects/example.com:billing-1/" in place("example.com:billing-1", "us-east5").prefix


def test_a_base_url_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="must begin with"):
        place("p1", "us-east5", "ftp://gateway.test")
