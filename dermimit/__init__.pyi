from dermimit import data as data
from dermimit import evaluate as evaluate
from dermimit import explain as explain
from dermimit import explore as explore
from dermimit import export as export
from dermimit import model as model
from dermimit import predict as predict
from dermimit import train as train
from dermimit.data.label_space import LabelSpace as LabelSpace
from dermimit.data.photo_set import PhotoSet as PhotoSet
from dermimit.data.photo_set import load as load
from dermimit.evaluate.estimate import Estimate as Estimate
from dermimit.explain.attributions import attribution as attribution
from dermimit.export.onnx import export_run as export_run
from dermimit.model.config import ModelConfig as ModelConfig
from dermimit.model.dermimitformer import DermImitFormer as DermImitFormer
from dermimit.predict.photographs import predict_photo as predict_photo
from dermimit.predict.table import predict_photos as predict_photos
from dermimit.predict.text import describe as describe
from dermimit.prediction import Prediction as Prediction
from dermimit.train.config import TrainConfig as TrainConfig
from dermimit.train.engine import fit as fit
from dermimit.train.run import Run as Run
from dermimit.train.run import load_run as load_run

__version__: str
