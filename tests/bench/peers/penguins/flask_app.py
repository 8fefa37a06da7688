import joblib
import pandas as pd
from flask import Flask, request

pipeline = joblib.load("model.joblib")
app = Flask(__name__)


@app.post("/predict")
def predict():
    return {"predictions": pipeline.predict(pd.DataFrame(request.get_json())).tolist()}
