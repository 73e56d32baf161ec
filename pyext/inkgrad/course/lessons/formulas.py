"""The formulas of the lessons as LaTeX, for the app and the notebooks.

In a text a formula stands in backticks, as a terminal shows it; :data:`LATEX` has the same formula
typeset. What is in backticks and not here is code. Derivations are shown step by step, each step
with the note ``LESSON.derive_NUMBER`` of the catalogue.
"""

from __future__ import annotations

LATEX = {
    "dy/dx = dy/du · du/dx": r"\frac{dy}{dx} = \frac{dy}{du} \cdot \frac{du}{dx}",
    "y = sin(x²)": r"y = \sin(x^2)",
    "ŷ = x w": r"\hat{y} = x w",
    "ŷ = x w + b": r"\hat{y} = x w + b",
    "b": "b",
    "MSE = 1/N Σ (ŷ - y)²": r"\mathrm{MSE} = \frac{1}{N} \sum (\hat{y} - y)^2",
    "cost(w) = 1/N Σ (ŷ - y)²": r"\mathrm{cost}(w) = \frac{1}{N} \sum (\hat{y} - y)^2",
    "w ← w - lr · d(cost)/dw": r"w \leftarrow w - \mathrm{lr} \cdot \frac{d\,\mathrm{cost}}{dw}",
    "y = 2 x + 1": "y = 2 x + 1",
    "w⁴ - 3 w² + w": "w^4 - 3 w^2 + w",
    "grad = d(loss)/d(data)": r"\mathrm{grad} = \frac{d\,\mathrm{loss}}{d\,\mathrm{data}}",
    "loss = (x w + b - y)²": r"\mathrm{loss} = (x w + b - y)^2",
    "loss = (w1 x² + w2 x + b - y)²": r"\mathrm{loss} = (w_1 x^2 + w_2 x + b - y)^2",
    "ŷ = σ(x w + b)": r"\hat{y} = \sigma(x w + b)",
    "σ(z) = 1 / (1 + e⁻ᶻ)": r"\sigma(z) = \frac{1}{1 + e^{-z}}",
    "-(y ln ŷ + (1 - y) ln(1 - ŷ))": r"-(y \ln \hat{y} + (1 - y) \ln(1 - \hat{y}))",
    "-1/N Σ (y ln ŷ + (1 - y) ln(1 - ŷ))": (
        r"-\frac{1}{N} \sum (y \ln \hat{y} + (1 - y) \ln(1 - \hat{y}))"
    ),
    "z = Σ xₙ wₙ + b": r"z = \sum x_n w_n + b",
    "ŷ = σ(z)": r"\hat{y} = \sigma(z)",
    "Ŷ = σ(X Wᵀ + b)": r"\hat{Y} = \sigma(X W^T + b)",
    "X": "X",
    "σ": r"\sigma",
    "ŷ_k = e^(z_k) / Σ e^(z_j)": r"\hat{y}_k = \frac{e^{z_k}}{\sum_j e^{z_j}}",
    "-ln ŷ_right": r"-\ln \hat{y}_{\mathrm{right}}",
    "⌊(n + 2 padding - kernel) / stride⌋ + 1": (
        r"\left\lfloor \frac{n + 2\,\mathrm{padding} - \mathrm{kernel}}{\mathrm{stride}}"
        r" \right\rfloor + 1"
    ),
}

DERIVATIONS: dict[str, list[str]] = {
    "gradient_descent": [
        r"\mathrm{cost}(w) = \frac{1}{N} \sum_{n=1}^{N} (x_n w - y_n)^2",
        r"\frac{d\,\mathrm{cost}}{dw} = \frac{1}{N} \sum_{n=1}^{N} \frac{d}{dw} (x_n w - y_n)^2",
        r"= \frac{1}{N} \sum_{n=1}^{N} 2 (x_n w - y_n) \cdot \frac{d}{dw} (x_n w - y_n)",
        r"= \frac{1}{N} \sum_{n=1}^{N} 2 x_n (x_n w - y_n)",
    ],
    "backpropagation": [
        r"u = x w, \quad \hat{y} = u + b, \quad r = \hat{y} - y, \quad L = r^2",
        r"\frac{\partial L}{\partial r} = 2 r",
        r"\frac{\partial L}{\partial \hat{y}} = \frac{\partial L}{\partial r}"
        r" \cdot \frac{\partial r}{\partial \hat{y}} = 2 r \cdot 1",
        r"\frac{\partial L}{\partial u} = \frac{\partial L}{\partial b} = 2 r",
        r"\frac{\partial L}{\partial w} = \frac{\partial L}{\partial u}"
        r" \cdot \frac{\partial u}{\partial w} = 2 r x",
    ],
    "logistic_regression": [
        r"L = -(y \ln \hat{y} + (1 - y) \ln(1 - \hat{y})), \quad \hat{y} = \sigma(z)",
        r"\frac{dL}{d\hat{y}} = -\frac{y}{\hat{y}} + \frac{1 - y}{1 - \hat{y}}"
        r" = \frac{\hat{y} - y}{\hat{y} (1 - \hat{y})}",
        r"\frac{d\hat{y}}{dz} = \frac{e^{-z}}{(1 + e^{-z})^2} = \hat{y} (1 - \hat{y})",
        r"\frac{dL}{dz} = \frac{\hat{y} - y}{\hat{y} (1 - \hat{y})} \cdot \hat{y} (1 - \hat{y})"
        r" = \hat{y} - y",
        r"\frac{dL}{dw} = (\hat{y} - y)\, x, \quad \frac{dL}{db} = \hat{y} - y",
    ],
    "many_features": [
        r"z_{nk} = \sum_{m=1}^{8} x_{nm} w_{km} + b_k",
        r"\begin{pmatrix} z_{11} & \cdots & z_{16} \\ \vdots & & \vdots \\ z_{N1} & \cdots & z_{N6}"
        r" \end{pmatrix} = \begin{pmatrix} x_{11} & \cdots & x_{18} \\ \vdots & & \vdots \\"
        r" x_{N1} & \cdots & x_{N8} \end{pmatrix} \begin{pmatrix} w_{11} & \cdots & w_{61} \\"
        r" \vdots & & \vdots \\ w_{18} & \cdots & w_{68} \end{pmatrix} + \begin{pmatrix} b_1 &"
        r" \cdots & b_6 \end{pmatrix}",
        r"\underset{N \times 6}{Z} = \underset{N \times 8}{X}\ \underset{8 \times 6}{W^T}"
        r" + \underset{1 \times 6}{b}",
        r"\underset{N \times 6}{\hat{Y}} = \sigma(Z)",
        r"\underset{N \times 6}{X_1} \to \underset{N \times 4}{X_2} = \sigma(X_1 W_2^T + b_2)"
        r" \to \underset{N \times 1}{\hat{Y}} = \sigma(X_2 W_3^T + b_3)",
    ],
    "softmax": [
        r"L = -\ln p_r, \quad p_k = \frac{e^{z_k}}{\sum_j e^{z_j}}",
        r"L = -z_r + \ln \sum_j e^{z_j}",
        r"\frac{\partial L}{\partial z_k} = -[k = r] + \frac{e^{z_k}}{\sum_j e^{z_j}}",
        r"\frac{\partial L}{\partial z} = p - y",
    ],
}
