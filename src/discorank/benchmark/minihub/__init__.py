"""MiniHub: small candidates of one size, real targets, and their fine-tuned truth, from nothing."""
