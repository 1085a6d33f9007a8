"""A node of ROS 2: sound comes in on `audio`, the emotion of each utterance goes out on `emotion` as JSON.

    pip install 'mmerc[client]'          (in the environment of ROS)
    python examples/ros2_node.py --ros-args -p url:=http://127.0.0.1:8000

`audio`: std_msgs/Int16MultiArray with mono samples at 16 kHz, as most drivers of microphones can give them. `emotion`: std_msgs/String.
"""

import json
import threading
from typing import Any

import numpy as np
import rclpy
from rclpy.node import Node
from std_msgs.msg import Int16MultiArray, String

from mmerc.client import Client, Stream

FIELDS = ("emotion", "confidence", "probabilities", "uncertain", "speaker", "text", "start", "end", "final")


class EmotionNode(Node):  # type: ignore[misc]
    """Sends what it hears to the service, and publishes the answers."""

    def __init__(self, stream: Stream) -> None:
        super().__init__("mmerc")
        self.stream = stream
        self.publisher = self.create_publisher(String, "emotion", 10)
        self.create_subscription(Int16MultiArray, "audio", self.send_sound, 10)
        threading.Thread(target=self.publish_answers, daemon=True).start()

    def send_sound(self, message: Any) -> None:
        self.stream.send_sound(np.asarray(message.data, np.int16))

    def publish_answers(self) -> None:
        """Publish predictions until the stream ends."""
        for answer in self.stream:
            if answer["type"] == "prediction":
                found = {name: answer[name] for name in FIELDS if name in answer}
                self.publisher.publish(String(data=json.dumps(found)))


def main() -> None:
    rclpy.init()
    settings = Node("mmerc_settings")
    url = settings.declare_parameter("url", "http://127.0.0.1:8000").value
    token = settings.declare_parameter("token", "").value or None
    with Client(url, token=token) as client, client.stream() as stream:
        node = EmotionNode(stream)
        try:
            rclpy.spin(node)
        finally:
            stream.stop()
            node.destroy_node()
            rclpy.shutdown()


if __name__ == "__main__":
    main()
