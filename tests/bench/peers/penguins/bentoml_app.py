import bentoml
import joblib
import pandas as pd


@bentoml.service
class Service:
    def __init__(self) -> None:
        self.pipeline = joblib.load("model.joblib")

    @bentoml.api
    def predict(self, rows: pd.DataFrame) -> list[float]:
        return self.pipeline.predict(rows).tolist()
