"""inkgrad's app in the browser: a page to draw digits on and see them read, on Gradio.

It stands on inkgrad.course and knows nothing of kernels. ``inkgrad demo`` starts it.
"""

import os

# Before anything imports Gradio.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # it would look up versions on the network
os.environ["GRADIO_RUN_HISTORY"] = "False"  # and keep what was predicted (as an argument it is younger than 6.10)
