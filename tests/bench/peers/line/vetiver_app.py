import joblib
import pandas as pd
from vetiver import VetiverAPI, VetiverModel

rows = pd.read_csv("rows.csv")
app = VetiverAPI(VetiverModel(joblib.load("model.joblib"), "line", prototype_data=rows)).app
