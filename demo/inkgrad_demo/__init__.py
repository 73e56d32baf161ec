"""inkgrad's Gradio app: draw digits, read lessons, train models, compare runs, check the kernels.

It builds on inkgrad.course, inkgrad.check and inkgrad_bench. ``inkgrad demo`` starts it.
"""

import os

# Set before Gradio is imported: it would look up versions on the network and store predictions.
# (launch() takes the second as an argument, but not in the oldest version of Gradio allowed.)
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["GRADIO_RUN_HISTORY"] = "False"
