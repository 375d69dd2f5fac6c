"""Notifications: when the user is told, in which words, where to, and how it is sent."""
