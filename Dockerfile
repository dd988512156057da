# Dropout Lab in one container:  docker build -t dropout-lab .  &&  docker run --rm -p 8000:8000 dropout-lab
#
# TORCH_INDEX chooses the build of PyTorch. The default is for CPUs and small. With CUDA: the same address with the CUDA
# version at the end in place of cpu, and `docker run --gpus all`. Empty: whatever the ordinary index has.
FROM python:3.11-slim AS lab

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

WORKDIR /lab
COPY requirements.lock .
RUN pip install --no-cache-dir --disable-pip-version-check ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -r requirements.lock \
    && useradd --system --create-home --shell /usr/sbin/nologin lab

COPY trainer trainer
COPY app app
COPY lessons lessons
COPY static static

# The page, bundled: Node.js and the bundler stay behind.
FROM lab AS page

COPY requirements-build.lock package.json package-lock.json .npmrc ./
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements-build.lock
COPY scripts scripts
RUN python scripts/npm.py ci --ignore-scripts --omit=dev && python -m scripts.bundle

FROM lab

COPY templates templates
COPY --from=page /lab/built built
RUN python -m compileall -q app trainer

RUN mkdir /data && chown lab /data
VOLUME /data

USER lab
ENV HOST=0.0.0.0 PORT=8000 DROPOUT_LAB_DATA=/data PYTHONUNBUFFERED=1 container=oci
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=4)"]
CMD ["python", "-m", "app"]
