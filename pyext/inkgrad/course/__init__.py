"""Models, data, training and digit reading of a first deep-learning course."""

from inkgrad.course.recognition.recognizer import Explanation, Prediction, Recognizer

__all__ = ["Explanation", "Prediction", "Recognizer"]
