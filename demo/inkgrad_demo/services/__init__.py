"""The services behind the pages and the API. No Gradio in here."""
