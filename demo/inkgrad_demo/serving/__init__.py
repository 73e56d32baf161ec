"""How the app is served: limits on requests, the address of the open tab."""
