from setuptools import setup

setup(name="shelf", version="1.1", packages=["shelf"])
