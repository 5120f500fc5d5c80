# One image for every process of the platform; what runs is the command.
FROM python:3.11-slim
WORKDIR /opt/millrace
COPY dev.lock pyproject.toml README.md ./
RUN pip install --no-cache-dir --require-hashes -r dev.lock
COPY api api
COPY connectors connectors
COPY models models
COPY ops ops
COPY schemas schemas
COPY streams streams
RUN pip install --no-cache-dir --no-deps --no-build-isolation .
USER nobody
