"""From any picture to the digit that it shows."""
