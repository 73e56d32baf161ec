"""How the app is served: exposed methods, JavaScript modules, limits, the address of a tab."""
