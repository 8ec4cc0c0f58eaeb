"""What another version would have got for the lists of logged turns that chance drew, from those turns alone."""
