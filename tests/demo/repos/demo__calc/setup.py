from setuptools import setup

setup(name="calc", version="0.3", packages=["calc"])
