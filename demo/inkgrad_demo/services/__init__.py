"""What the pages ask of the server. No Gradio in here."""
