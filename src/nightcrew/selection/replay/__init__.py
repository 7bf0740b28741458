"""The selector run over recorded outcomes, beside the policies it has to beat."""
