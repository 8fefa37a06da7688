import bentoml
import joblib


@bentoml.service
class Service:
    def __init__(self) -> None:
        self.estimator = joblib.load("model.joblib")

    @bentoml.api
    def predict(self, rows: list[list[float]]) -> list[float]:
        return self.estimator.predict(rows).tolist()
