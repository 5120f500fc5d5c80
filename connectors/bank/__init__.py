"""The bank: settlement files of providers, taken in whole or refused whole."""
