import os

import joblib
import litserve
import pandas as pd


class Penguins(litserve.LitAPI):
    def setup(self, device):  # noqa: ARG002 - LitServe calls it with one
        self.pipeline = joblib.load("model.joblib")

    def predict(self, rows):
        return self.pipeline.predict(pd.DataFrame(rows)).tolist()


if __name__ == "__main__":
    server = litserve.LitServer(Penguins(), accelerator="cpu")
    server.run(port=int(os.environ["PORT"]), generate_client_file=False)
