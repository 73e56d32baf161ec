"""The models, data, training and digit recognition of a first deep-learning course.

Imports go one way: ``commands`` and ``lessons`` use ``training``, which uses ``data``, which uses
``recognition``; all of them use the modules beside this file, which import none of them.
"""

from inkgrad.course.recognition.recognizer import Explanation, Prediction, Recognizer

__all__ = ["Explanation", "Prediction", "Recognizer"]
