"""Raft: a group of members agrees on one log of commands, and goes on while a majority of them can talk."""
