"""Drawings as SVG, made on the server: plain functions from numbers to markup, without colours of their own."""
