"""inkgrad's app in the browser, on Gradio: digits drawn and read, training watched, kernels shown.

It stands on inkgrad.course, inkgrad.check and inkgrad_bench. ``inkgrad demo`` starts it.
"""

import os

# Before anything imports Gradio, which would look up versions on the network and keep what was
# predicted. (The second is an argument of launch(), too, but not yet in the oldest Gradio allowed.)
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["GRADIO_RUN_HISTORY"] = "False"
