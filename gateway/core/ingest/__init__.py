"""What becomes of a message before it is counted: authenticated, admitted once, reduced to what may be used."""
