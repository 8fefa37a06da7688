import joblib
import mlflow
import pandas as pd

rows = pd.read_csv("rows.csv")
pipeline = joblib.load("model.joblib")
signature = mlflow.models.infer_signature(rows, pipeline.predict(rows))
mlflow.sklearn.save_model(pipeline, "saved", signature=signature, serialization_format="cloudpickle")
