"""What OpenAPI describes."""

from mmerc.model import Prediction
from mmerc.serving import schema
from mmerc.serving.problems import make_problem


def test_the_rows_of_a_job_are_predictions() -> None:
    assert schema.Job.model_fields["rows"].annotation == list[Prediction]


def test_a_route_is_described_with_its_refusals() -> None:
    described = schema.describe(schema.Accepted, 401, 429, status=202)["responses"]
    assert described[202] == {"model": schema.Accepted} and set(described) == {202, 401, 429, 503}
    assert described[429]["description"] == "the service is busy"
    problem = described[429]["content"]["application/problem+json"]["schema"]
    assert set(problem["properties"]) == set(make_problem(429, "a sentence."))
